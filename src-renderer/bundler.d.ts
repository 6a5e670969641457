// What the bundler makes of imports that are no modules.
declare module '*.css';
declare module '*?url' {
  const url: string;
  export default url;
}
declare module '*?worker&url' {
  const url: string;
  export default url;
}
declare module '*?worker' {
  const start: new () => Worker;
  export default start;
}
