/** What is measured at every size, by the names that the table, the plots and the claims know. */
export const COMMIT_INSIDE = 'commit of one change, in the daemon: request to durable';
export const COMMIT = 'commit of one change, durable, over the API';
export const INSIDE = 'Force Update of one change, in the daemon: request to durable receipt';
export const UPDATE = 'Force Update of one change, over the API';
export const BOTH = 'commit and Force Update of one change, over the API';
export const JUST_STARTED = 'commit and Force Update of one change, over the API: the first 50 after a start';
