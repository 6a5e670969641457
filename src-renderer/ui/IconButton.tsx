// A button that shows a picture only; its label is read out and shown on hover and focus.
import type { LucideIcon } from 'lucide-react';
import { Tooltip } from 'radix-ui';
import type { ComponentProps } from 'react';

interface Props extends Omit<ComponentProps<'button'>, 'children'> {
  label: string;
  icon: LucideIcon;
  hint?: string | undefined; // its shortcut
  pressed?: boolean | undefined;
  side?: 'top' | 'right' | 'bottom' | 'left';
  size?: number;
}

export function IconButton({
  label,
  icon: Icon,
  hint,
  pressed,
  side = 'bottom',
  size = 16,
  className = '',
  ...rest
}: Props) {
  return (
    <Tooltip.Provider delayDuration={500}>
      <Tooltip.Root>
        <Tooltip.Trigger asChild>
          <button
            type="button"
            className={`icon-button ${className}`}
            aria-label={label}
            {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
            {...rest}
          >
            <Icon size={size} aria-hidden />
          </button>
        </Tooltip.Trigger>
        <Tooltip.Portal>
          <Tooltip.Content className="tooltip" side={side} sideOffset={6}>
            {label}
            {hint !== undefined && <kbd>{hint}</kbd>}
          </Tooltip.Content>
        </Tooltip.Portal>
      </Tooltip.Root>
    </Tooltip.Provider>
  );
}
