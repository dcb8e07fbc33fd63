// A classic SignalR server made by others (npm `signalrjs`), beside just enough of Clarity's REST side.
// Usage: node server.js [port]. Prints {"port":N} on a line of its own, then a line of JSON for each request.
// A line on standard input, or POST /_push, pushes: its JSON is the list of arguments of connect.onData. An object
// changes what REST returns from then on: {"agents":[...],"queues":[...]}; or {"answer": the arguments that answer each
// subscription to queues, or null for none, "callsToday": the number in searches, "says": {id: the agent in REST}}.
'use strict';

const express = require('express');
const SignalRJS = require('signalrjs');

const signalr = new SignalRJS();
signalr.route = '/webapi/signalr';
const push = (args) => signalr.broadcast({ H: 'connect', M: 'onData', A: args });

const since = '2026-06-01T08:00:00.5Z';
const agent = (id, name, agentStatus) => ({
  type: 'agent',
  metrics: { audio: { answeredCount: id, ronaCount: 0 },
    agnostic: { availableTime: { total: 900, average: 4.5, count: 2 } } },
  name, id, currentStatus: { agentStatus, startTime: since, isSuspended: false },
});
const agents = [agent(41, 'Ada L.', 'available'), agent(37, 'Grace H.', 'inCall')];
const queues = [{ type: 'queue', id: 11, name: 'Sales' }, { type: 'queue', id: 12, name: 'Service' }];

let answer = null;
let callsToday = 9;
const tell = (told) => {
  if (Array.isArray(told)) return push(told);
  if ('answer' in told) answer = told.answer;
  callsToday = told.callsToday ?? callsToday;
  for (const one of agents) Object.assign(one, (told.says || {})[one.id]);
  if (told.agents || told.queues) become(told);
};

const structured = {};
const become = (floor) => {
  agents.splice(0, agents.length, ...(floor.agents || agents).map(({ teamId, structuredName, ...one }) => {
    structured[one.id] = { ...(teamId && { teamId }), ...(structuredName && { name: structuredName }) };
    return one;
  }));
  queues.splice(0, queues.length, ...(floor.queues || queues));
};

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = () => {
  const now = Math.floor(Date.now() / 1000);
  return `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode({ connect_agent_id: '5', exp: now + 3600, nbf: now })}.c2ln`;
};

const app = express();
app.use((request, _, next) => {
  console.log(JSON.stringify({ method: request.method, path: request.path }));
  next();
});
app.post('/_push', express.json(), (request, response) => { push(request.body); response.sendStatus(204); });
app.post('/webauth/token', express.urlencoded({ extended: false }), (request, response) => {
  if (!request.body.client_id) return response.status(400).json({
     error: 'invalid_clientId', error_description: 'client_id is not valid' });
  response.json({ access_token: token(), token_type: 'bearer', expires_in: 3600 });
});
app.use('/webapi', (request, response, next) => {
  if (/^Bearer ./.test(request.headers.authorization || '')) return next();
  const endpoint = `http://${request.headers.host}/webauth/token`;
  response.set('WWW-Authenticate', `${endpoint},grant_type="urn:connect.auth:windows"`)
    .status(401).json({ message: 'Unauthorized' });
});

const api = express.Router();
const named = (list, ids) => list.filter((one) => String(ids || '').split(',').includes(String(one.id)));
api.use(express.json());
api.get('/info', (_, response) => response.json({
  connectVersion: '4.1.2.0', apiVersions: [{ version: '2', relativeUrl: '/v2' }],
  signalRTransports: ['serverSentEvents', 'longPolling'],
}));
api.get('/v2/profile', (_, response) => response.json({ type: 'agent', id: 5, teamId: 3, name: 'Service account' }));
api.get('/v2/profile/mbu', (_, response) => response.json({
  agents: agents.map(({ id, name }) => ({ type: 'Agent', id, name, teamId: 3, ...structured[id],
    canSilentJoin: true, canWhisperJoin: false, canRecord: true })),
  queues: queues.map(({ id, name }) => ({ type: 'Queue', id, name, businessUnitId: 1, teamIds: [3] })),
  teams: [{ type: 'Team', id: 3, name: 'North', businessUnitId: 1, groupIds: [],
    agentIds: [41, 37], queueIds: [11, 12] }],
  businessUnits: [{ type: 'Business Unti', id: 1, name: 'Shop', teamIds: [3], queueIds: [11, 12] }],
}));
api.all('/v2/metrics/agents', (request, response) => {
  const found = named(agents, request.query.agentIds);
  return found.length ? response.json(found) : response.status(401).json({ message: 'No entity id' });
});
api.get('/v2/search/:query', (request, response) => response.json({
  agentsFound: agents.map(({ id, name }) => ({ agentId: id, publicName: name, phoneNumber: 'NOTSET', status: 1,
    type: 'agentSearch', id })),
  queuesFound: queues.map(({ id, name }) => ({ queueId: id, queueName: name, isOpen: true,
    agentsOnline: 2, agentsAvailable: 1, estimatedWaitTime: 30, callsToday, type: 'queueSearch', id })),
  message: `Query '${request.params.query}' found 2 agent(s) and 2 queue(s).`,
}));
for (const [path, list, ids] of [['agents', agents, 'agentIds'], ['queues', queues, 'queueIds']]) {
  api.post(`/v2/subscriptions/${path}`, (request, response) => {
    if (!request.body.connectionId) return response.status(500).json({ message: `Failed to subscribe to ${path}` });
    if (!named(list, request.query[ids]).length) return response.status(401).json({ message: 'No entity id' });
    response.json(`${path}-1`);
    if (path === 'queues' && answer) push(answer);
  });
}
app.use('/webapi/api', api);
app.use(signalr.createListener());

require('readline').createInterface({ input: process.stdin }).on('line', (line) => tell(JSON.parse(line)));
const server = app.listen(Number(process.argv[2] || 0), '127.0.0.1', () =>
  console.log(JSON.stringify({ port: server.address().port })));
