import type { EventName, PayloadInput } from '../protocol/payloads.ts';

/*
 * The build takes the type of `inputs` from the declarations that the compiler writes: there each payload is spelled out, so
 * that the package needs no types of the library behind the schemas. Nothing imports this file.
 */

type SpelledOut<M> = { [E in keyof M]: M[E] extends infer T ? { [K in keyof T]: T[K] } : never };
declare function spelledOut<M>(): { [E in keyof SpelledOut<M>]: SpelledOut<M>[E] };

export const inputs = spelledOut<{ [E in EventName]: PayloadInput<E> }>();
