/** One event of a stream of server-sent events. */
export interface SentEvent {
  readonly name: string;
  readonly data: string;
}

/** The last id and the retry time that the stream has sent, for the next attempt. */
export interface StreamState {
  lastEventId: string;
  retryMs: number;
}

/** Parses server-sent events out of pieces of text; the state follows `id` and `retry`. */
export function createEventParser(state: StreamState, onEvent: (event: SentEvent) => void) {
  let rest = '';
  let name = '';
  let data: string[] = [];
  let id: string | undefined;

  function line(text: string): void {
    if (text === '') {
      if (id !== undefined) state.lastEventId = id;
      if (data.length > 0) onEvent({ name: name || 'message', data: data.join('\n') });
      name = '';
      data = [];
      id = undefined;
      return;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(text) ?? [];
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
    if (field === 'id') id = value;
    if (field === 'retry' && /^\d+$/.test(value)) state.retryMs = Number(value);
  }

  return (text: string): void => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const one of lines) line(one);
  };
}
