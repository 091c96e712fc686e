/** The CPU time that one unit costs each process, µs. */
export interface UnitCosts {
  readonly workerUs: number;
  readonly redisUs: number;
  readonly nginxUs: number;
}

/** The measured costs of a cluster. */
export interface Costs {
  readonly connect: UnitCosts;
  /** One user who does nothing for a second. */
  readonly idleUser: UnitCosts;
  /** One message with its first copy and without its deliveries. */
  readonly message: UnitCosts;
  readonly delivery: UnitCosts;
  /** One further worker with members in the room. */
  readonly copy: UnitCosts;
  /** One worker at rest for a second. */
  readonly worker: UnitCosts;
  readonly copyBytes: number;
  readonly userWorkerBytes: number;
  readonly userRedisBytes: number;
  readonly messageRedisBytes: number;
}

/** The behaviour of people. */
export interface Profile {
  /** The time between two messages of a user. */
  readonly everyS: number;
  /** Members of a room. */
  readonly members: number;
  /** The length of a connection. */
  readonly stayS: number;
  /** Messages kept per room. */
  readonly kept: number;
}

/** `anywhere`: nginx spreads the members of a room over all workers. `together`: they are on one. */
export type Placement = 'anywhere' | 'together';

export const LIMITS = [
  'CPU of the workers',
  'CPU of Redis',
  'network of Redis',
  'memory of the workers',
] as const;
export type Limit = (typeof LIMITS)[number];

/** The activity of a number of users, and what it needs. */
export interface Load {
  readonly users: number;
  readonly messagesPerS: number;
  readonly deliveriesPerS: number;
  readonly nginxCores: number;
  /** The bytes that Redis sends to the workers. */
  readonly busBytesPerS: number;
  /** The memory of each worker for its users. */
  readonly workerBytes: number;
  readonly redisBytes: number;
}

export interface Plan {
  /** The number of workers that get a message of a room. */
  readonly copies: number;
  /** The users within each limit, with one Redis. */
  readonly limits: Readonly<Record<Limit, number>>;
  /** With one Redis. */
  readonly one: Load & { readonly first: Limit };
  /** With as many Redis servers as the workers need. Undefined: no number would do. */
  readonly enough: (Load & { readonly redisServers: number }) | undefined;
}

/** Half of a core: the rest is for crowds that come at once. */
export const CORE_US = 500_000;
/** Half of 1 Gbit/s. */
export const NETWORK_BYTES = 62_500_000;
/** Half of the 2 GB that Node's heap has on a machine of 4 GB and more. */
export const WORKER_BYTES = 1_000_000_000;

export function planOf(costs: Costs, profile: Profile, workers: number, placement: Placement): Plan {
  const { everyS, members, stayS, kept } = profile;
  const copies = placement === 'together' ? 1 : workers * (1 - (1 - 1 / workers) ** members);

  /** Returns the cost of a user in a second. */
  function userUs(part: keyof UnitCosts): number {
    const message = costs.message[part] + (copies - 1) * costs.copy[part] + members * costs.delivery[part];
    return costs.idleUser[part] + costs.connect[part] / stayS + message / everyS;
  }

  const bytesPerUserS = (copies * costs.copyBytes) / everyS;
  const redisLeftUs = CORE_US - workers * costs.worker.redisUs;
  const limits: Readonly<Record<Limit, number>> = {
    'CPU of the workers': (workers * (CORE_US - costs.worker.workerUs)) / userUs('workerUs'),
    'memory of the workers': (workers * WORKER_BYTES) / costs.userWorkerBytes,
    'CPU of Redis': Math.max(0, redisLeftUs / userUs('redisUs')),
    'network of Redis': NETWORK_BYTES / bytesPerUserS,
  };
  const first = LIMITS.reduce((least, limit) => (limits[limit] < limits[least] ? limit : least));
  const ofWorkers = Math.min(limits['CPU of the workers'], limits['memory of the workers']);

  function loadOf(users: number): Load {
    return {
      users,
      messagesPerS: users / everyS,
      deliveriesPerS: (users / everyS) * members,
      nginxCores: (users * userUs('nginxUs')) / CORE_US,
      busBytesPerS: users * bytesPerUserS,
      workerBytes: (users / workers) * costs.userWorkerBytes,
      redisBytes: users * costs.userRedisBytes + (users / members) * kept * costs.messageRedisBytes,
    };
  }

  const ofOneRedis = Math.min(limits['CPU of Redis'], limits['network of Redis']);
  return {
    copies,
    limits,
    one: { ...loadOf(limits[first]), first },
    enough:
      ofOneRedis === 0
        ? undefined
        : { ...loadOf(ofWorkers), redisServers: Math.ceil(ofWorkers / ofOneRedis) },
  };
}
