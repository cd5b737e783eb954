// A token for whoever is signed in: the client asks for it at first, and before each one ends.
import { ThalwegServer } from '@thalweg/server';

/** Who asks. Put your own session here: whoever gets a token is that user. */
async function signedIn(request: Request): Promise<string | null> {
  return request.headers.get('x-demo-user');
}

export async function POST(request: Request): Promise<Response> {
  const user = await signedIn(request);
  if (!user) return Response.json({ error: 'sign in first' }, { status: 401 });
  const server = new ThalwegServer(); // THALWEG_URL, THALWEG_API_KEY and THALWEG_API_SECRET
  return Response.json({ apiKey: server.apiKey, token: server.createToken(user, { ttl_s: 600 }) });
}
