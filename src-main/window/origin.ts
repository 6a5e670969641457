// Where the window's page lives. A scheme of our own, so that the page is no file:// and has an origin.
export const APP_SCHEME = 'app';
export const APP_HOST = 'studio';
export const APP_ORIGIN = `${APP_SCHEME}://${APP_HOST}`;
export const GALLERY_PREFIX = '/gallery/';
