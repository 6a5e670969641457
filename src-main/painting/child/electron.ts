// Starts the painting child as an Electron utility process.
import { utilityProcess } from 'electron';
import type { FromChild } from './protocol.ts';
import type { Child } from './supervisor.ts';

export function spawnPaintingChild(program: string): Child {
  const child = utilityProcess.fork(program, [], { serviceName: 'Sluice painting', stdio: 'inherit' });
  return {
    send: (message) => child.postMessage(message),
    onMessage: (listener) => {
      child.on('message', (message: FromChild) => listener(message));
    },
    onExit: (listener) => {
      child.on('exit', listener);
    },
    kill: () => {
      child.kill();
    },
  };
}
