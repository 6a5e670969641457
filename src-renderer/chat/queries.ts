// What the main process knows of language models and grammars, kept fresh by its events.
import { queryOptions, useQuery } from '@tanstack/react-query';
import type { ChatStatus } from '../../src-preload/contract/chat.ts';
import type { OfferedGrammar } from '../../src-preload/contract/grammars.ts';
import { queryClient } from '../app/queries.ts';
import { firstShown } from '../app/shown.ts';
import { studio } from '../app/studio.ts';

// Models come and go with files, so they are looked at anew when the pane is.
export const chatStatusQuery = queryOptions({
  queryKey: ['chat', 'status'],
  queryFn: () => firstShown.then(() => studio.chat.status()),
  refetchOnMount: 'always',
});

export const grammarsQuery = queryOptions({
  queryKey: ['grammars'],
  queryFn: () => firstShown.then(() => studio.grammars.offered()),
});

export const useChatStatus = (): ChatStatus | undefined => useQuery(chatStatusQuery).data;
export const useGrammars = (): readonly OfferedGrammar[] => useQuery(grammarsQuery).data ?? [];

export const refreshStatus = (): Promise<void> =>
  queryClient.invalidateQueries({ queryKey: chatStatusQuery.queryKey });
export const refreshGrammars = (): Promise<void> =>
  queryClient.invalidateQueries({ queryKey: grammarsQuery.queryKey });

function patch(changes: Partial<ChatStatus>): void {
  queryClient.setQueryData(chatStatusQuery.queryKey, (status) =>
    status === undefined ? undefined : { ...status, ...changes },
  );
}

export function followChat(): () => void {
  const leave = [
    studio.chat.state((state) => patch({ state })),
    studio.chat.setUpChanged((setUp) => {
      patch({ setUp });
      // While it runs, a server may come that stands in for ours.
      void refreshStatus();
    }),
  ];
  return () => leave.forEach((stop) => stop());
}
