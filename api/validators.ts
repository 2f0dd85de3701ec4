import AjvCompiler from '@fastify/ajv-compiler';
import type { JsonObject } from '../schema/json.ts';

type Compilers = ReturnType<typeof AjvCompiler>;
type Validator = ((data: unknown) => unknown) & {
  errors?: { instancePath: string; message?: string }[] | null;
};

/** A value is taken as it came: nothing is bent into what the schema wants. */
export const AJV_OPTIONS = { coerceTypes: false, removeAdditional: false, discriminator: true } as const;

/**
 * Validators of requests, each made when the first request needs it: all of them together take a fifth of a second, and
 * the start of a unit would wait for that.
 */
export const compileWhenAsked = ((external: Parameters<Compilers>[0], options: Parameters<Compilers>[1]) => {
  const compile = AjvCompiler()(external, options);
  return (...route: Parameters<typeof compile>) => {
    let validator: ReturnType<typeof compile> | undefined;
    const validate = (data: unknown): unknown => {
      validator ??= compile(...route);
      const good = validator(data);
      Object.assign(validate, { errors: validator.errors });
      return good;
    };
    return validate;
  };
}) as Compilers;

let compiler: ReturnType<Compilers> | undefined;

/** Says what does not fit, in one line; undefined: all does. */
export function faultFinder(schema: JsonObject): (value: unknown) => string | undefined {
  compiler ??= AjvCompiler()({}, { customOptions: AJV_OPTIONS } as never);
  const validate = compiler({ schema } as never) as unknown as Validator;
  return value => {
    if (validate(value)) return undefined;
    return (validate.errors ?? [])
      .map(({ instancePath, message, ...more }) => {
        const { params } = more as { params?: { additionalProperty?: string } };
        return `${instancePath} ${message} ${params?.additionalProperty ?? ''}`.trim();
      })
      .join('; ');
  };
}
