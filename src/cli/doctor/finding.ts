/** Something that an operator should mend. */
export interface Finding {
  readonly subject: 'settings' | 'host' | 'store' | 'nginx' | 'site';
  readonly problem: string;
  /** An instruction for the operator. */
  readonly fix: string;
}

/** Splits a text of the start, whose last sentences are the instruction. */
export function findingFrom(subject: Finding['subject'], text: string): Finding {
  const [, problem = text, fix = ''] = /^(.*?)\. (?=[A-Z`])(.*?)\.?$/s.exec(text) ?? [];
  return { subject, problem: problem.replace(/\.$/, ''), fix };
}
