import { describe, expect, it } from 'vitest';
import { createEmitter } from '../../src/client/emitter.ts';

type Events = { message: [n: number]; presence: [n: number]; joined: [n: number] };

async function heardAfter(emit: (emitter: ReturnType<typeof createEmitter<Events>>) => void) {
  const emitter = createEmitter<Events>({
    onThrow: () => undefined,
    buffered: { message: 3, presence: 2, joined: 1 },
  });
  emit(emitter);
  const heard: string[] = [];
  for (const event of ['message', 'presence', 'joined'] as const)
    emitter.on(event, (n) => heard.push(`${event} ${n}`));
  await Promise.resolve();
  return { emitter, heard };
}

describe('events before their first listener', () => {
  it('are stored up to the limit of their own name, in order', async () => {
    const { heard, emitter } = await heardAfter(({ emit }) => {
      emit('message', 1);
      for (let n = 1; n <= 9; n++) emit('presence', n);
      for (let n = 1; n <= 9; n++) emit('joined', n);
      emit('message', 2);
    });
    expect(heard).toEqual(['message 1', 'presence 8', 'presence 9', 'joined 9', 'message 2']);
    emitter.emit('message', 3);
    expect(heard.at(-1)).toBe('message 3');
  });

  it('drop the oldest of their name beyond it', async () => {
    const { heard } = await heardAfter(({ emit }) => {
      for (let n = 1; n <= 5; n++) emit('message', n);
    });
    expect(heard).toEqual(['message 3', 'message 4', 'message 5']);
  });
});
