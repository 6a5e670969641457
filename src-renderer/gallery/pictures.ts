// The gallery's pictures as the window knows them, which of them are looked for, and which one is chosen.
import { queryOptions, useQuery } from '@tanstack/react-query';
import { create } from 'zustand';
import { type GalleryPicture, MAX_PAGE } from '../../src-preload/contract/gallery.ts';
import { queryClient } from '../app/queries.ts';
import { studio } from '../app/studio.ts';

async function allPictures(): Promise<GalleryPicture[]> {
  const pictures: GalleryPicture[] = [];
  for (let from = 0, total = 1; from < total; from += MAX_PAGE) {
    const page = await studio.gallery.page({ from, count: MAX_PAGE });
    pictures.push(...page.pictures);
    total = page.total;
  }
  return pictures;
}

// Looked for again whenever the pane opens: other programs may have changed the folder.
export const picturesQuery = queryOptions({
  queryKey: ['gallery', 'pictures'],
  queryFn: allPictures,
  refetchOnMount: 'always',
});

const change = (how: (pictures: GalleryPicture[]) => GalleryPicture[]): void => {
  queryClient.setQueryData(picturesQuery.queryKey, (pictures) =>
    pictures === undefined ? pictures : how(pictures),
  );
};

export const addPictures = (added: readonly GalleryPicture[]): void =>
  change((pictures) => [...added, ...pictures.filter(({ id }) => !added.some((each) => each.id === id))]);

export const forgetPicture = (id: string): void =>
  change((pictures) => pictures.filter((picture) => picture.id !== id));

export const changePicture = (id: string, changes: Partial<GalleryPicture>): void =>
  change((pictures) => pictures.map((picture) => (picture.id === id ? { ...picture, ...changes } : picture)));

export const followGallery = (): (() => void) => studio.gallery.added(addPictures);

interface GalleryView {
  search: string;
  starredOnly: boolean;
  board: string | null; // the one that is looked at; null: all pictures
  chosen: string | null;
  compared: string | null; // what the chosen one is compared with
}

export const useGalleryView = create<GalleryView>()(() => ({
  search: '',
  starredOnly: false,
  board: null,
  chosen: null,
  compared: null,
}));

const wordsOf = ({ id, from }: GalleryPicture): string =>
  `${id} ${from?.prompt ?? ''} ${from?.negative ?? ''} ${from?.model ?? ''} ${from?.seed ?? ''}`.toLowerCase();

// Every word has to stand somewhere: in prompt, negative prompt, model, seed or name.
export function matching(
  pictures: readonly GalleryPicture[],
  { search, starredOnly, board }: Pick<GalleryView, 'search' | 'starredOnly' | 'board'>,
): GalleryPicture[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return pictures.filter((picture) => {
    if (starredOnly && !picture.starred) return false;
    if (board !== null && picture.board !== board) return false;
    const own = words.length === 0 ? '' : wordsOf(picture);
    return words.every((word) => own.includes(word));
  });
}

// What a picture is called: by its prompt, or else by its file.
export const nameOf = ({ from, id }: GalleryPicture): string =>
  from === null || from.prompt === '' ? id : from.prompt;

export const boardsOf = (pictures: readonly GalleryPicture[]): string[] =>
  [...new Set(pictures.flatMap(({ board }) => board ?? []))].sort((a, b) => a.localeCompare(b));

export const usePictures = () => useQuery(picturesQuery);

export const chosenPicture = (): GalleryPicture | null => {
  const { chosen } = useGalleryView.getState();
  const pictures = queryClient.getQueryData(picturesQuery.queryKey) ?? [];
  return pictures.find(({ id }) => id === chosen) ?? null;
};
