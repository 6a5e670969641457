// Messages in the corner, read out as they come.
import { X } from 'lucide-react';
import { IconButton } from '../../ui/IconButton.tsx';
import { dismiss, useNotices } from '../notices.ts';

export function Notices() {
  const { notices } = useNotices();
  return (
    <div className="notices" role="status" aria-live="polite">
      {notices.map(({ id, tone, text, hint }) => (
        <div key={id} className={`notice notice-${tone}`}>
          <div>
            <p>{text}</p>
            {hint !== '' && <p className="notice-hint">{hint}</p>}
          </div>
          <IconButton label="Dismiss" icon={X} size={14} onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
