// Before the first question: what can be asked, each by one click.
import type { OfferedGrammar } from '../../src-preload/contract/grammars.ts';
import { changeSettings } from './settings.ts';
import { useGrammars } from './queries.ts';
import { focusComposer, setDraft, useChatView } from './view.ts';

// Only what becomes something in the studio.
const shown = ['studio-actions', 'scene', 'palette', 'chords', 'storyboard'];

export function Welcome() {
  const open = useChatView((state) => state.open);
  const grammars = useGrammars().filter(({ name, own }) => !own && shown.includes(name));
  const choose = ({ name, prompt }: OfferedGrammar): void => {
    changeSettings({ grammar: name });
    setDraft(open, prompt);
    focusComposer();
  };
  return (
    <div className="welcome">
      <h3>Ask for words, or for something to work with</h3>
      <p className="hint">
        Answers that follow a grammar become scenes, colours and chords. What they would draw is shown on the
        canvas first, for you to accept or refuse. Everything stays on this machine.
      </p>
      <ul>
        {[...grammars]
          .sort((a, b) => shown.indexOf(a.name) - shown.indexOf(b.name))
          .map((grammar) => (
            <li key={grammar.name}>
              <button type="button" className="starter" onClick={() => choose(grammar)}>
                <span className="starter-title">{grammar.title}</span>
                <span>{grammar.prompt}</span>
              </button>
            </li>
          ))}
      </ul>
    </div>
  );
}
