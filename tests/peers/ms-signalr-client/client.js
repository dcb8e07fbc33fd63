// Microsoft's classic SignalR client in a bare window: follows one hub and prints what it sees, one JSON object a line.
// Usage: node client.js <origin> <transport> <bearer token>
'use strict';

const [origin, transport, token] = process.argv.slice(2);
const { JSDOM } = require('jsdom');
const EventSource = require('eventsource');

const { window } = new JSDOM('', { url: origin });
// In browsers an event has its phase, which is 2 while handlers run. The client takes that 2 for "closed" and
// reconnects.
window.EventSource = class extends EventSource {
  emit(type, event) {
    if (event && typeof event === 'object') event.eventPhase = 2;
    return super.emit(type, event);
  }
};
global.window = window;
global.document = window.document;
global.jQuery = require('jquery');
window.jQuery = global.jQuery;
require('signalr');

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const options = { useDefaultPath: false, qs: { access_token: token } };
const connection = global.jQuery.hubConnection('/webapi/signalr', options);
const names = ['connecting', 'connected', 'reconnecting', undefined, 'disconnected'];

connection.createHubProxy('connect').on('onData', (...pushed) => say({ push: pushed }));
connection.stateChanged(({ newState }) => say({ state: names[newState] }));
connection.error((error) => say({ error: String(error) }));
connection.reconnectDelay = 200;
connection
  .start({ transport })
  .done(() => say({ connected: connection.id, transport: connection.transport.name }))
  .fail((error) => {
    say({ failed: String(error) });
    process.exit(1);
  });

// Whoever started this process ends it by closing its standard input.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
