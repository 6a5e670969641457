// What comes from the main process, cached by react-query. Jobs are asked for once and kept fresh by events.
import { QueryClient, queryOptions, useQuery } from '@tanstack/react-query';
import type { PaintJob } from '../../src-preload/contract/painting.ts';
import { firstShown } from './shown.ts';
import { studio } from './studio.ts';

export const queryClient = new QueryClient({
  defaultOptions: { queries: { staleTime: Infinity, retry: false, refetchOnWindowFocus: false } },
});

export const paintOptionsQuery = queryOptions({
  queryKey: ['painting', 'options'],
  queryFn: () => firstShown.then(() => studio.painting.options()),
});
export const devicesQuery = queryOptions({
  queryKey: ['painting', 'devices'],
  queryFn: () => firstShown.then(() => studio.painting.devices()),
});
export const appInfoQuery = queryOptions({ queryKey: ['app', 'info'], queryFn: () => studio.app.info() });
export const jobsQuery = queryOptions({
  queryKey: ['painting', 'jobs'],
  queryFn: () => studio.painting.jobs(),
});

// Jobs in the order in which they came.
export const useJobs = (): readonly PaintJob[] => useQuery(jobsQuery).data ?? [];
export const isActive = ({ state }: PaintJob): boolean =>
  state === 'queued' || state === 'running' || state === 'stopping';

type JobListener = (job: PaintJob) => void;
const listeners = new Set<JobListener>();

// Hears of every change of a job, once each.
export function onJobChanged(listener: JobListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function followJobs(): () => void {
  const setJobs = (change: (jobs: PaintJob[]) => PaintJob[]): void => {
    queryClient.setQueryData(jobsQuery.queryKey, (jobs) => change(jobs ?? []));
  };
  const leave = [
    studio.painting.changed((job) => {
      setJobs((jobs) =>
        jobs.some(({ id }) => id === job.id)
          ? jobs.map((other) => (other.id === job.id ? job : other))
          : [...jobs, job],
      );
      for (const listener of listeners) listener(job);
    }),
    studio.painting.forgotten((id) => setJobs((jobs) => jobs.filter((job) => job.id !== id))),
  ];
  return () => leave.forEach((stop) => stop());
}
