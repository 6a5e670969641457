// The grammar of proposals, narrowed to the panes that are seen: a model that may say less says more of use.
import { type ActionName, type StudioActions, vocabulary } from '../../../src-preload/contract/actions.ts';
import { canvasOffers, offersAnywhere, rollOffers } from './proposal.ts';

export const offersOf = (panes: { canvas: boolean; roll: boolean }): readonly ActionName[] => [
  ...(panes.canvas || !panes.roll ? canvasOffers : []),
  ...(panes.roll ? rollOffers : []),
  ...offersAnywhere,
];

const tune: StudioActions = {
  say: 'A short tune for a flute.',
  actions: [
    { action: 'set-tempo', tempo: 96 },
    {
      action: 'add-track',
      instrument: 73,
      drums: false,
      notes: [
        { at: 0, length: 4, pitch: 72, velocity: 90 },
        { at: 4, length: 4, pitch: 76, velocity: 84 },
        { at: 8, length: 8, pitch: 79, velocity: 96 },
      ],
    },
  ],
};

const drawing: StudioActions = {
  say: 'A yellow moon over the sea.',
  actions: [
    {
      action: 'add-shape',
      shape: { shape: 'ellipse', x: 500, y: 300, width: 260, height: 260, colour: '#ffe066' },
    },
    {
      action: 'add-stroke',
      stroke: {
        colour: '#1d3557',
        width: 12,
        points: [
          { x: 0, y: 700 },
          { x: 1000, y: 700 },
        ],
      },
    },
    { action: 'set-prompt', prompt: 'a yellow moon over a dark sea, calm night', negative: '' },
  ],
};

interface Alternative {
  properties?: { action?: { const?: string } };
}

// The schema's text with the other actions left out. Throws where the text is no such schema.
export function onlyOffered(schemaText: string, offers: readonly ActionName[]): string {
  const schema = JSON.parse(schemaText) as {
    properties: { actions: { minItems?: number; items: { oneOf?: Alternative[]; anyOf?: Alternative[] } } };
  };
  const { items } = schema.properties.actions;
  const known = new Set<string>(offers);
  const keep = (list: Alternative[]): Alternative[] =>
    list.filter(({ properties }) => known.has(properties?.action?.const ?? ''));
  if (items.oneOf !== undefined) items.oneOf = keep(items.oneOf);
  else if (items.anyOf !== undefined) items.anyOf = keep(items.anyOf);
  else throw new Error('the grammar of proposals has no alternatives');
  // Who chose this grammar wants something done; small models tend to do nothing.
  schema.properties.actions.minItems = 1;
  return JSON.stringify(schema);
}

// For the system prompt: each action and what it does, and what an answer looks like.
export const describeActions = (offers: readonly ActionName[]): string =>
  [
    ...vocabulary.filter(({ name }) => offers.includes(name)).map(({ name, help }) => `${name}: ${help}`),
    ...(offers.includes('add-shape') ? [`For example: ${JSON.stringify(drawing)}`] : []),
    ...(offers.includes('add-track') ? [`For example: ${JSON.stringify(tune)}`] : []),
  ].join('\n');
