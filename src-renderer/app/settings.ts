// The settings that the main process keeps, as the window knows them.
import { queryOptions } from '@tanstack/react-query';
import { type StudioSettings, usualSettings } from '../../src-preload/contract/settings.ts';
import { tellFailure } from './notices.ts';
import { paintOptionsQuery, queryClient } from './queries.ts';
import { studio } from './studio.ts';

export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  queryFn: () => studio.settings.read(),
});

export const currentSettings = (): StudioSettings =>
  queryClient.getQueryData(settingsQuery.queryKey)?.settings ?? usualSettings;

// Shows what a change gave, and looks for models again where folders changed.
export async function changeSettings(how: () => Promise<StudioSettings>): Promise<void> {
  try {
    const settings = await how();
    const before = currentSettings();
    queryClient.setQueryData(settingsQuery.queryKey, (kept) =>
      kept === undefined ? kept : { ...kept, settings },
    );
    if (before.modelFolders.join('\0') === settings.modelFolders.join('\0')) return;
    await Promise.all([
      queryClient.invalidateQueries({ queryKey: ['models'] }),
      queryClient.invalidateQueries({ queryKey: paintOptionsQuery.queryKey }),
    ]);
  } catch (error) {
    tellFailure(error);
  }
}
