import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { healLayout, hidePane, type Layout, placePane, shownPanes, showPane, toggleAlone } from './layout.ts';

const known = ['canvas', 'roll', 'chat', 'queue'];
const start: Layout = { columns: [['canvas'], ['roll', 'chat']], alone: null };

describe('layout', () => {
  it('moves a pane beside and into a stack', () => {
    expect(placePane(start, 'chat', 'canvas', 'left').columns).toEqual([['chat'], ['canvas'], ['roll']]);
    expect(placePane(start, 'canvas', 'chat', 'above').columns).toEqual([['roll', 'canvas', 'chat']]);
  });
  it('keeps the last pane', () => {
    const one: Layout = { columns: [['canvas']], alone: null };
    expect(hidePane(one, 'canvas')).toBe(one);
  });
  it('gives one pane the window and back', () => {
    const alone = toggleAlone(start, 'roll');
    expect(alone).toEqual({ ...start, alone: 'roll' });
    expect(toggleAlone(alone, 'roll')).toEqual(start);
  });
  it('heals what was kept', () => {
    expect(
      healLayout({ columns: [['canvas', 'gone', 3], 'x', ['canvas', 'chat']], alone: 'gone' }, known),
    ).toEqual({
      columns: [['canvas'], ['chat']],
      alone: null,
    });
    for (const bad of [null, 3, {}, { columns: [] }, { columns: [['gone']] }])
      expect(healLayout(bad, known)).toBeNull();
  });
  it('shows every pane once at most and never none, whatever is done', () => {
    const pane = fc.constantFrom(...known);
    const step = fc.tuple(fc.nat(3), pane, pane, fc.constantFrom('left', 'right', 'above', 'below'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let layout = start;
        for (const [what, id, other, side] of steps) {
          if (what === 0) layout = placePane(layout, id, other, side);
          if (what === 1) layout = showPane(layout, id);
          if (what === 2) layout = hidePane(layout, id);
          if (what === 3) layout = toggleAlone(layout, id);
        }
        const shown = shownPanes(layout);
        expect(new Set(shown).size).toBe(shown.length);
        expect(shown.length).toBeGreaterThan(0);
        expect(layout.columns.every((column) => column.length > 0)).toBe(true);
        expect(layout.alone === null || shown.includes(layout.alone)).toBe(true);
      }),
    );
  });
});
