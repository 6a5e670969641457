// Everything that can be set, in groups that are found by words.
import { useQuery } from '@tanstack/react-query';
import { FolderOpen, FolderPlus, Keyboard, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { StudioSettings } from '../../src-preload/contract/settings.ts';
import type { ThemeChoice } from '../../src-preload/contract/app.ts';
import { runCommand } from '../app/commands/table.ts';
import { tellFailure } from '../app/notices.ts';
import { appInfoQuery, devicesQuery } from '../app/queries.ts';
import { changeSettings, settingsQuery } from '../app/settings.ts';
import { studio } from '../app/studio.ts';
import { setTheme, useTheme } from '../app/theme.ts';
import { Choice } from '../ui/Choice.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { NumberSetting } from '../ui/Slider.tsx';

type Change = Parameters<typeof studio.settings.change>[0];
const change = (what: Change): void => void changeSettings(() => studio.settings.change(what));

function Appearance() {
  const choice = useTheme((state) => state.choice);
  return (
    <Choice<ThemeChoice>
      name="Theme"
      value={choice}
      options={[
        { value: 'system', label: 'As the system' },
        { value: 'light', label: 'Light' },
        { value: 'dark', label: 'Dark' },
      ]}
      onChange={setTheme}
    />
  );
}

function Painting({ settings }: { settings: StudioSettings }) {
  const { data: devices } = useQuery(devicesQuery);
  const known = (devices ?? []).map(({ index, name }) => ({ value: String(index), label: name }));
  // A device that was chosen and is not there now is said to be missing, not silently replaced.
  const missing =
    settings.device === 'auto' ||
    devices === undefined ||
    known.some(({ value }) => value === settings.device)
      ? []
      : [{ value: settings.device, label: `Device ${settings.device} (not there)` }];
  return (
    <>
      <Choice
        name="Device"
        value={settings.device}
        options={[{ value: 'auto', label: 'The best one' }, ...known, ...missing]}
        onChange={(device) => change({ device })}
      />
      <NumberSetting
        name="Memory budget"
        unit="MiB; 0 is what the driver offers"
        value={settings.budgetMebibytes}
        min={0}
        max={24576}
        step={64}
        onChange={(budgetMebibytes) => change({ budgetMebibytes })}
      />
      <p className="hint">
        {settings.budgetMebibytes === 0
          ? 'As much graphics memory as the driver offers.'
          : `At most ${settings.budgetMebibytes} MiB of graphics memory; the picture is the same, only the time differs.`}
      </p>
      <Choice<StudioSettings['precision']>
        name="Precision"
        value={settings.precision}
        options={[
          { value: 'auto', label: 'As the device does best' },
          { value: 'fp16', label: '16 bits' },
          { value: 'fp32', label: '32 bits' },
        ]}
        onChange={(precision) => change({ precision })}
      />
    </>
  );
}

function ModelFolders({ settings }: { settings: StudioSettings }) {
  return (
    <>
      <p className="hint">
        Besides Sluice’s own; shared with other programs as they are, nothing is written there.
      </p>
      <ul aria-label="Extra model folders">
        {settings.modelFolders.map((folder) => (
          <li key={folder} className="folder">
            <span>{folder}</span>
            <IconButton
              label={`Forget ${folder}`}
              icon={X}
              size={14}
              onClick={() => void changeSettings(() => studio.settings.removeModelFolder(folder))}
            />
          </li>
        ))}
      </ul>
      <button
        type="button"
        className="button"
        onClick={() => void changeSettings(() => studio.settings.addModelFolder())}
      >
        <FolderPlus size={14} aria-hidden /> Add a folder…
      </button>
    </>
  );
}

function LanguageServer({ settings: { llamaServer } }: { settings: StudioSettings }) {
  return (
    <>
      <p className="folder">
        <span>{llamaServer === '' ? 'llama-server is found by itself.' : llamaServer}</span>
        {llamaServer !== '' && (
          <IconButton
            label="Find it by itself again"
            icon={X}
            size={14}
            onClick={() => void changeSettings(() => studio.settings.forgetServer())}
          />
        )}
      </p>
      <button
        type="button"
        className="button"
        onClick={() => void changeSettings(() => studio.settings.chooseServer())}
      >
        Choose a program…
      </button>
      <p className="hint">The next start of the studio uses it.</p>
    </>
  );
}

const placeNames = { gallery: 'Gallery', models: 'Models', data: 'All your data', cache: 'Cache' } as const;

function Folders({ places }: { places: Record<keyof typeof placeNames, string> }) {
  return (
    <ul aria-label="Folders">
      {(Object.keys(placeNames) as (keyof typeof placeNames)[]).map((place) => (
        <li key={place} className="folder">
          <span>
            {placeNames[place]}: {places[place]}
          </span>
          <IconButton
            label={`Open the folder: ${placeNames[place]}`}
            icon={FolderOpen}
            size={14}
            onClick={() => void studio.settings.open(place).catch(tellFailure)}
          />
        </li>
      ))}
    </ul>
  );
}

// The one list of what reaches the network.
function Network() {
  return (
    <ul className="network" aria-label="What reaches the network">
      <li>A model that you download by its address, from the host in it.</li>
      <li>Setting up the language model, when you ask for it in the chat: from PyPI and crates.io.</li>
      <li>
        Nothing else: no telemetry, no search for updates. The language model’s server listens on 127.0.0.1
        only.
      </li>
    </ul>
  );
}

function SoundFont() {
  return (
    <p className="hint">
      Notes sound with FluidR3Mono GM (MIT licence): © 2000–2002, 2008 Frank Wen, mono version © 2014–16
      Michael Cowgill, temple blocks © 2002 Ethan Winer, drumline percussion © 2016 Michael Schorsch. It is
      played by SpessaSynth (Apache-2.0).
    </p>
  );
}

interface Group {
  title: string;
  words: string; // that it is found by, besides its title
  body: ReactNode;
}

export function SettingsPane() {
  const { data, error } = useQuery(settingsQuery);
  const { data: info } = useQuery(appInfoQuery);
  const [search, setSearch] = useState('');
  if (error !== null) return <p className="hint danger settings">{error.message}</p>;
  if (data === undefined) return null;
  const { settings, places } = data;
  const groups: Group[] = [
    { title: 'Appearance', words: 'theme light dark colours', body: <Appearance /> },
    {
      title: 'Painting',
      words: 'device gpu graphics card memory budget vram precision fp16 fp32',
      body: <Painting settings={settings} />,
    },
    {
      title: 'Keyboard',
      words: 'shortcuts keys',
      body: (
        <button type="button" className="button" onClick={() => runCommand('help.shortcuts')}>
          <Keyboard size={14} aria-hidden /> Change shortcuts…
        </button>
      ),
    },
    {
      title: 'Extra model folders',
      words: 'models checkpoints lora gguf shared',
      body: <ModelFolders settings={settings} />,
    },
    {
      title: 'Language server',
      words: 'llama-server llama.cpp chat words path program',
      body: <LanguageServer settings={settings} />,
    },
    { title: 'Folders', words: 'gallery data cache where', body: <Folders places={places} /> },
    { title: 'Sound font', words: 'general midi soundfont licence instruments', body: <SoundFont /> },
    { title: 'Network', words: 'privacy telemetry internet', body: <Network /> },
  ];
  const wanted = search.trim().toLowerCase();
  const found = groups.filter(({ title, words }) => `${title} ${words}`.toLowerCase().includes(wanted));
  return (
    <div className="settings">
      <input
        className="field"
        type="search"
        aria-label="Search settings"
        placeholder="Search settings…"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      {found.map(({ title, body }) => (
        <section key={title} className="settings-group" aria-label={title}>
          <h3>{title}</h3>
          {body}
        </section>
      ))}
      {found.length === 0 && <p className="hint">Nothing of that name can be set.</p>}
      {info !== undefined && (
        <p className="hint">
          Sluice {info.version}, Electron {info.electron}
        </p>
      )}
    </div>
  );
}
