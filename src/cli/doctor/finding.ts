/** Something that an operator should mend. */
export interface Finding {
  readonly subject: 'settings' | 'host' | 'store' | 'nginx' | 'site' | 'webhooks';
  readonly problem: string;
  /** An instruction for the operator. */
  readonly fix: string;
}

/** Splits a text of the start, whose last sentences are the instruction. */
export function findingFrom(subject: Finding['subject'], text: string): Finding {
  const [, wrong, meant] = /^(.*); did you mean (\S+)\?$/s.exec(text) ?? [];
  if (wrong !== undefined) return { subject, problem: wrong, fix: `Write ${meant} if you mean that` };
  const [, problem = text, fix = ''] = /^(.*?)\. (?=[A-Z`])(.*?)\.?$/s.exec(text) ?? [];
  return { subject, problem: problem.replace(/\.$/, ''), fix };
}
