/** The type of a body that is a file. */
export const UPLOAD_TYPE = 'application/octet-stream';
