import { useEffect, useState } from 'preact/hooks';
import type { Store } from './store.ts';

export function useStore<State, Event>(store: Pick<Store<State, Event>, 'get' | 'subscribe'>): State {
  const [state, setState] = useState(store.get);
  useEffect(() => {
    setState(store.get);
    return store.subscribe(() => setState(store.get));
  }, [store]);
  return state;
}
