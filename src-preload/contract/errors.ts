// Errors as they cross every boundary: addon, processes, the command line's JSON.
import { z } from 'zod';

// Equal to the engine's sluice_status, and the exit status of the command line.
export const Status = { ok: 0, internal: 1, usage: 2, input: 3, device: 4, cancelled: 130 } as const;

export const failureStatus = z.union([
  z.literal(Status.internal),
  z.literal(Status.usage),
  z.literal(Status.input),
  z.literal(Status.device),
  z.literal(Status.cancelled),
]);
export type FailureStatus = z.infer<typeof failureStatus>;

// `code` is a stable kebab-case word for programs; `message` says the operation, what was expected and what was
// found; `hint` says what to do and may be empty.
export const failure = z.object({
  status: failureStatus,
  code: z.string().regex(/^[a-z0-9-]+$/),
  message: z.string().min(1),
  hint: z.string(),
});
export type Failure = z.infer<typeof failure>;

export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly status: FailureStatus;
  readonly code: string;
  readonly hint: string;

  constructor(status: FailureStatus, code: string, message: string, hint = '', options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }

  toFailure(): Failure {
    return { status: this.status, code: this.code, message: this.message, hint: this.hint };
  }
}

// Anything that was thrown, as one of ours: what we did not foresee is our own fault.
export function asSluiceError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SluiceError(Status.internal, 'internal', message || 'an error without a message', '', {
    cause: thrown,
  });
}
