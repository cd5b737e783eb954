// The back end of an app with calls: it signs its users' tokens, makes their livestreams and hears of what happens.
import express, { type NextFunction, type Request, type Response } from 'express';
import { ThalwegError, ThalwegServer } from '@thalweg/server';

const server = new ThalwegServer(); // THALWEG_URL, THALWEG_API_KEY and THALWEG_API_SECRET
export const app = express();

/** Who asks. Put your own session here: whoever gets a token is that user. */
const signedIn = (request: Request): string => {
  const user = request.get('x-demo-user');
  if (!user) throw new ThalwegError('token_missing', 'sign in first', 401);
  return user;
};

app.post('/token', (request, response) => {
  response.json({ apiKey: server.apiKey, token: server.createToken(signedIn(request)) });
});

app.post('/livestreams/:id', express.json(), async (request, response) => {
  const call = server.call('livestream', request.params.id ?? '');
  response.json(await call.getOrCreate({ created_by: signedIn(request), custom: { title: request.body.title } }));
});

app.post('/webhook', express.raw({ type: '*/*' }), (request, response) => {
  const event = server.readWebhook(request.body, request.get('authorization'));
  if (event.event === 'call_live_started') console.log(`${event.call_id} is live`);
  response.sendStatus(200);
});

app.use((error: unknown, _: Request, response: Response, next: NextFunction) => {
  if (!(error instanceof ThalwegError)) return next(error);
  response.status(error.status ?? (error.code === 'webhook_invalid' ? 401 : 502)).json({ error: error.code });
});

if (process.env['PORT']) app.listen(process.env['PORT']);
