import { minifySync } from 'rolldown/utils';

/** Minifies a script of esbuild once more: this minifier folds more, which saves about 4 % as it is sent. */
export function tighten(name, script) {
  const { code, errors } = minifySync(name, script, {
    module: true,
    compress: { target: 'es2022' },
    mangle: { toplevel: true },
    codegen: { removeWhitespace: true },
  });
  if (errors.length > 0) throw new Error(`${name}: ${errors[0].message}`);
  return code;
}
