// What is open. Says so in the middle of the bar.
import { useProject } from '../project.ts';

export function ProjectTitle() {
  const { name, saved } = useProject();
  return (
    <div
      className="project-title"
      title={saved ? 'Saved' : 'Changes are kept, and not in the project file yet'}
    >
      <span>{name}</span>
      {!saved && <span className="project-changed">edited</span>}
    </div>
  );
}
