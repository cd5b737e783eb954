// What happened on the server: calls that went live or ended, who came and went.
import { ThalwegError, ThalwegServer } from '@thalweg/server';

export async function POST(request: Request): Promise<Response> {
  try {
    const event = new ThalwegServer().readWebhook(await request.text(), request.headers.get('authorization'));
    if (event.event === 'call_ended') console.log(`${event.call_id} is over`);
    return new Response(null, { status: 200 });
  } catch (error) {
    if (error instanceof ThalwegError && error.code === 'webhook_invalid') return new Response(error.message, { status: 401 });
    throw error;
  }
}
