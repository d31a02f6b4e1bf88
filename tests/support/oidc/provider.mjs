// A real OpenID provider for tests: panva's oidc-provider, certified by the OpenID Foundation. It signs in at once whom
// POST /control names. Arguments: port, redirect address, address after signing out.
import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import Provider from "oidc-provider";

const [port, redirect, after] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
let who = { sub: "nobody", claims: {}, amr: undefined, acr: undefined };
let provider;

function key() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" };
}

function start() {
  provider = new Provider(issuer, {
    jwks: { keys: [key()] },
    clients: [{ client_id: "lockstep", client_secret: "a-secret-of-tests-only-0001", redirect_uris: [redirect],
      post_logout_redirect_uris: [after], grant_types: ["authorization_code"], response_types: ["code"] }],
    // Like most providers it tells each time how somebody signed in; by itself this one does where it is asked only.
    claims: { openid: ["sub", "groups", "email", "preferred_username", "amr"], acr: null },
    acrValues: ["urn:example:strong"],
    conformIdTokenClaims: false,
    cookies: { keys: ["a-key-of-tests"] },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
    pkce: { required: () => true },
    findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub, amr: who.amr, ...who.claims }) }),
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  });
}

async function interact(req, res) {
  const { prompt, params, session } = await provider.interactionDetails(req, res);
  if (prompt.name === "login") {
    return provider.interactionFinished(req, res, { login: { accountId: who.sub, amr: who.amr, acr: who.acr } });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } });
}

async function control(req, res) {
  let body = "";
  for await (const chunk of req) body += chunk;
  const wish = JSON.parse(body);
  if (wish.who) who = wish.who;
  if (wish.rotate) start();
  res.end("{}");
}

start();
createServer((req, res) => {
  const answer = req.url === "/control" ? control : req.url.startsWith("/interaction/") ? interact : null;
  if (!answer) return provider.callback()(req, res);
  answer(req, res).catch((error) => { res.statusCode = 500; res.end(String(error)); });
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
