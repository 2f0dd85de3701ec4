import AjvCompiler from '@fastify/ajv-compiler';

type Compilers = ReturnType<typeof AjvCompiler>;

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
