import { queryOptions } from '@tanstack/react-query';
import type { Download } from '../../src-preload/contract/models.ts';
import { paintOptionsQuery, queryClient } from '../app/queries.ts';
import { studio } from '../app/studio.ts';

export const modelsQuery = queryOptions({
  queryKey: ['models', 'list'],
  queryFn: () => studio.models.list(),
  refetchOnMount: 'always', // files come and go without us
});

export const downloadsQuery = queryOptions({
  queryKey: ['models', 'downloads'],
  queryFn: () => studio.models.downloads(),
});

export const lookAgain = (): void => {
  void queryClient.invalidateQueries({ queryKey: modelsQuery.queryKey });
  void queryClient.invalidateQueries({ queryKey: paintOptionsQuery.queryKey });
  void queryClient.invalidateQueries({ queryKey: ['chat', 'status'] });
};

export function followDownloads(): () => void {
  const change = (how: (list: Download[]) => Download[]): void => {
    queryClient.setQueryData(downloadsQuery.queryKey, (list) => how(list ?? []));
  };
  const leave = [
    studio.models.changed((download) => {
      change((list) =>
        list.some(({ id }) => id === download.id)
          ? list.map((other) => (other.id === download.id ? download : other))
          : [...list, download],
      );
      if (download.state === 'done') lookAgain();
    }),
    studio.models.forgotten((id) => change((list) => list.filter((each) => each.id !== id))),
  ];
  return () => leave.forEach((stop) => stop());
}
