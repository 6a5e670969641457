export interface Engine {
  a: number;
}
