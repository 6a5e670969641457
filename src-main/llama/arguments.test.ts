import { describe, expect, it } from 'vitest';
import { knownFlags, serverArguments, serverEnvironment } from './arguments.ts';

const options = {
  model: '/m/a b.gguf',
  contextTokens: 4096,
  slots: 4,
  threads: 3,
  gpuLayers: 0,
  cacheMiB: 256,
};

describe('server arguments', () => {
  it('name loopback and any port, whatever the binary knows', () => {
    const args = ['--model', '/m/a b.gguf', '--host', '127.0.0.1', '--port', '0'];
    expect(serverArguments(options, new Set())).toEqual(args);
  });

  it('leave out flags that the binary does not know', () => {
    const args = serverArguments(options, new Set(['--parallel', '--no-webui']));
    expect(args.slice(6)).toEqual(['--parallel', '4', '--no-webui']);
  });

  it('are read from --help', () => {
    expect([...knownFlags('-c, --ctx-size N  size\n--no-ui, --no-webui  none')]).toEqual([
      '--ctx-size',
      '--no-ui',
      '--no-webui',
    ]);
  });
});

it("the environment carries the key and none of a person's own settings for the server", () => {
  const env = serverEnvironment({ PATH: '/bin', LLAMA_ARG_HOST: '0.0.0.0', LLAMA_API_KEY: 'theirs' }, 'ours');
  expect(env).toEqual({ PATH: '/bin', LLAMA_API_KEY: 'ours' });
});
