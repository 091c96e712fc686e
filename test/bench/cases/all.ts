import type { Case } from '../case.ts';
import { FAN_OUT } from './fan-out.ts';

export const CASES: readonly Case[] = [FAN_OUT];
