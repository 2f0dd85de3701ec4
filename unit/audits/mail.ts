import type { JsonObject } from '../../schema/json.ts';

export interface Letter {
  to: string[];
  subject: string;
  text: string;
}

/** Hands a letter to a mail server, or rejects with why it was not taken. `email`: the record `email`. */
export type SendMail = (email: JsonObject, from: string, letter: Letter) => Promise<void>;

const TIMEOUT_MS = 20_000;

export const sendMail: SendMail = async (email, from, { to, subject, text }) => {
  const { default: nodemailer } = await import('nodemailer');
  const { server, port, security = 'none', user, password } = email;
  const transport = nodemailer.createTransport({
    host: String(server),
    port: Number(port) || 25,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(user === undefined ? {} : { auth: { user: String(user), pass: String(password ?? '') } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({ from, to, subject, text });
  } finally {
    transport.close();
  }
};
