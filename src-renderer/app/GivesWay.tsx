// A line beside a button that orders something: who will give memory back for it. Nothing while nobody has to.
import { queryOptions, useQuery } from '@tanstack/react-query';
import type { Yielding } from '../../src-preload/contract/memory.ts';
import { queryClient } from './queries.ts';
import { firstShown } from './shown.ts';
import { studio } from './studio.ts';

const KEY = 'memory';

const holders: Record<Yielding['kind'], string> = {
  language: 'the language model',
  midi: 'the composer’s model',
  paint: 'another picture',
};

const comesBack: Record<Yielding['kind'], string> = {
  language: '; it is loaded again when it is asked',
  midi: '; it is loaded again when it composes',
  paint: '',
};

export function yieldingText({ kind, model, bytes, device }: Yielding): string {
  const who = `${holders[kind]}${model === null ? '' : ` ${model}`}`;
  const gives =
    bytes === null || device === null
      ? 'is unloaded'
      : `gives ${Math.ceil(bytes / 2 ** 20)} MiB of ${device.split(' (')[0] ?? device} back`;
  return `First ${who} ${gives}${comesBack[kind]}.`;
}

// `of` says what would be ordered, as a key; `ask` asks the main process for it.
const yieldingQuery = (of: readonly unknown[], ask: () => Promise<readonly Yielding[]>, enabled: boolean) =>
  queryOptions({ queryKey: [KEY, ...of], queryFn: () => firstShown.then(ask), enabled, gcTime: 60_000 });

export function GivesWay({
  of,
  ask,
  enabled = true,
}: {
  of: readonly unknown[];
  ask: () => Promise<readonly Yielding[]>;
  enabled?: boolean;
}) {
  const { data } = useQuery(yieldingQuery(of, ask, enabled));
  return (
    <div className="gives-way" role="status" aria-label="Who gives memory back">
      {data?.map((one) => (
        <p key={one.kind}>{yieldingText(one)}</p>
      ))}
    </div>
  );
}

// Answers hold for the moment: they are asked for again whenever somebody takes or gives memory.
export function followMemory(): () => void {
  return studio.memory.changed(() => void queryClient.invalidateQueries({ queryKey: [KEY] }));
}
