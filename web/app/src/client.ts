// The client with all that media needs: loaded when somebody comes in, not with the first picture of a page.
export { ThalwegClient } from '@thalweg/client';
