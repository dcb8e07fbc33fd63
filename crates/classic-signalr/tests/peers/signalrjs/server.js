// A classic SignalR server: npm `signalrjs`. It offers serverSentEvents and longPolling, and no webSockets.
// Usage: node server.js [port]. Prints {"port":N} on a line of its own.
// Each line on standard input is the JSON list of arguments of a call of chat.onMessage.
'use strict';

const express = require('express');
const SignalRJS = require('signalrjs');

const signalr = new SignalRJS();
const app = express();
app.use(signalr.createListener());

const call = (args) => signalr.broadcast({ H: 'chat', M: 'onMessage', A: args });
require('readline').createInterface({ input: process.stdin }).on('line', (line) => call(JSON.parse(line)));
const server = app.listen(Number(process.argv[2] || 0), '127.0.0.1', () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
