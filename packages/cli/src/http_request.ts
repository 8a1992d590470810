import { printable } from './errors.ts';

/** A transfer that cannot go on; the message says what to do. */
export class DownloadError extends Error {
  override readonly name: string = 'DownloadError';
}

/** What passes by itself, perhaps: a server in trouble, a connection that broke. */
export class PassingError extends DownloadError {
  override readonly name = 'PassingError';
}

export interface HubAccess {
  /** `https://huggingface.co`, or the mirror that HF_ENDPOINT names. */
  readonly endpoint: string;
  readonly token: string | undefined;
}

export const HUB = 'https://huggingface.co';

/** The Hugging Face Hub as the environment has it. */
export function hubAccess(env: Readonly<Record<string, string | undefined>>): HubAccess {
  const endpoint = env.HF_ENDPOINT?.trim().replace(/\/+$/, '') || HUB;
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new DownloadError(`HF_ENDPOINT is ${JSON.stringify(endpoint)}, which is no web address.`);
  }
  return { endpoint, token: env.HF_TOKEN?.trim() || undefined };
}

/** The address on the mirror of something on the Hub; other addresses stay as they are. */
export const mirrored = (url: string, { endpoint }: HubAccess): string =>
  url.startsWith(`${HUB}/`) ? endpoint + url.slice(HUB.length) : url;

export interface Answer {
  readonly response: Response;
  /** What the Hub says of the file before it sends us elsewhere for it. */
  readonly linked: { readonly bytes?: number; readonly sha256?: string };
}

export interface RequestOptions {
  readonly hub: HubAccess;
  readonly fetch: typeof fetch;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** For messages. */
  readonly page: string;
}

const MAX_REDIRECTS = 10;

/**
 * Asks for a file and follows redirects by hand: the token is for the Hub alone and must not reach the hosts it sends
 * us to. Answers that are no file are errors here, save 416.
 */
export async function request(url: string, options: RequestOptions): Promise<Answer> {
  let at = new URL(url);
  const seen = new Set<string>();
  let linked: Answer['linked'] = {};
  for (;;) {
    if (seen.has(at.href) || seen.size > MAX_REDIRECTS) {
      throw new DownloadError(
        `the server sends us in circles (${seen.size} redirects, last to ${shown(at)}). See ${options.page}.`,
      );
    }
    seen.add(at.href);
    const response = await ask(at, options);
    linked = { ...linked, ...linkedFile(response) };
    if (response.status < 300 || response.status > 399) {
      const problem = await problemOf(response, at, options);
      if (!problem) return { response, linked };
      throw problem;
    }
    await response.body?.cancel();
    at = redirected(at, response);
  }
}

async function ask(at: URL, { hub, fetch, headers, signal }: RequestOptions): Promise<Response> {
  const isHub = at.origin === new URL(hub.endpoint).origin;
  const sent = new Headers({ 'accept-encoding': 'identity', ...headers });
  // Compressed bytes would have other lengths and offsets than the file, hence identity.
  if (isHub && hub.token) sent.set('authorization', `Bearer ${hub.token}`);
  try {
    return await fetch(at, { headers: sent, redirect: 'manual', signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new PassingError(`${at.host} does not answer (${reasonOf(cause)}).`, { cause });
  }
}

/** `fetch failed` says nothing; what it was caused by does. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? cause.message || cause.name : error.message;
}

function linkedFile({ headers }: Response): Answer['linked'] {
  const size = headers.get('x-linked-size') ?? '';
  const [, sha256] = /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(headers.get('x-linked-etag') ?? '') ?? [];
  return {
    ...(/^\d{1,15}$/.test(size) ? { bytes: Number(size) } : {}),
    ...(sha256 ? { sha256 } : {}),
  };
}

function redirected(from: URL, { status, headers }: Response): URL {
  const location = headers.get('location');
  if (!location || !URL.canParse(location, from)) {
    throw new DownloadError(`${from.host} redirects (HTTP ${status}) without saying where to.`);
  }
  const to = new URL(location, from);
  const isWeb = to.protocol === 'https:' || to.protocol === 'http:';
  if (!isWeb || (from.protocol === 'https:' && to.protocol !== 'https:')) {
    throw new DownloadError(
      `${from.host} redirects to ${shown(to)}, which is not safe to follow from https.`,
    );
  }
  return to;
}

async function problemOf(
  { status, headers, body }: Response,
  at: URL,
  { hub, page }: RequestOptions,
): Promise<DownloadError | undefined> {
  const isPage = /^\s*(text\/html|application\/xhtml)/i.test(headers.get('content-type') ?? '');
  if (status === 416 || ((status === 200 || status === 206) && !isPage)) return undefined;
  await body?.cancel();
  const said = `${at.host} says HTTP ${status}`;
  if (status >= 500) return new PassingError(`${said}: it is in trouble.`);
  if (status === 401 || status === 403) {
    const remedy = hub.token
      ? `The token in HF_TOKEN is not valid for this file, or its terms have to be accepted at ${page} first.`
      : `Accept its terms at ${page} if it has any, then give a token: HF_TOKEN=… (only the Hub gets to see it).`;
    return new DownloadError(`${said}: access is refused. ${remedy}`);
  }
  if (status === 404 || status === 410) {
    return new DownloadError(
      `${said}: there is no such file. It may have been moved or renamed; look at ${page}, and give a file you have with -m.`,
    );
  }
  if (status === 429) {
    const wait = headers.get('retry-after');
    return new DownloadError(
      `${said}: too many requests from here. Try again ${wait && /^\d+$/.test(wait) ? `in ${wait} s` : 'later'}.`,
    );
  }
  if (status === 200 || status === 206) {
    return new DownloadError(
      `${at.host} sent a web page in place of the file. It may want you to sign in, or a network in between does; open ${page} in a browser.`,
    );
  }
  return new DownloadError(`${said}. See ${page}.`);
}

/** Without its query, which can hold signatures. */
const shown = (url: URL): string => printable(url.origin + url.pathname);
