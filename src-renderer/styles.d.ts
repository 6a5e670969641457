// Styles are the bundler's to load.
declare module '*.css';
