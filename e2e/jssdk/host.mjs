// Matrix people who use matrix-js-sdk with its Rust crypto, without a browser:
// many in one process, moved by the Go harness (harness/jshost.go).
//
// Each line on stdin is a request {id, client, method, params}; each line on
// stdout is its answer {id, result} or {id, error}, or something that a client
// saw: {client, sync} and {client, decrypted}. There is no logic of tests here:
// what a method does is what the SDK does.

import { Console } from "node:console";
import { createInterface } from "node:readline";

// stdout is for answers only, and the SDK is talkative.
globalThis.console = new Console(process.stderr);
console.debug = console.log = console.info = console.trace = () => {};

const { createClient, ClientEvent, Filter, MatrixError, MatrixEvent, MatrixEventEvent } = await import("matrix-js-sdk");
const { logger } = await import("matrix-js-sdk/lib/logger.js");
const { SyncState } = await import("matrix-js-sdk/lib/sync.js");
const cryptoApi = await import("matrix-js-sdk/lib/crypto-api/index.js");
const { decodeRecoveryKey } = cryptoApi;
const attachment = (await import("matrix-encrypt-attachment")).default;

logger.setLevel("warn");

// More events than a room of a test has: nothing may be missing after a pause.
const wholeTimeline = 5000;

// How long to wait after a /sync that failed, in milliseconds. The SDK's own
// pauses of seconds are kind to servers that are shared; these here are not.
const syncRetry = 50;

const people = new Map();

class Person {
    constructor(name) {
        this.name = name;
        this.told = Promise.resolve(); // everything seen so far is handed over
        this.unread = new Set(); // ids of events without a key
    }

    // open starts a client on a device that is logged in, with cross-signing set
    // up: anew, or from secret storage if there is a recovery key.
    async open({ homeserver, user, device, token, password, recoveryKey, isolation }) {
        this.user = user;
        this.password = password;
        this.client = createClient({
            baseUrl: homeserver,
            userId: user,
            deviceId: device,
            accessToken: token,
            disableVoip: true,
            fetchFn: (url, init) => this.fetch(url, init),
            cryptoCallbacks: {
                getSecretStorageKey: async ({ keys }) => [Object.keys(keys)[0], this.storageKey],
                cacheSecretStorageKey: (_id, _info, key) => (this.storageKey = key),
            },
        });
        this.storageKey = recoveryKey ? decodeRecoveryKey(recoveryKey) : undefined;
        await this.client.initRustCrypto({ useIndexedDB: false });
        this.crypto = this.client.getCrypto();
        this.isolate({ isolation });
        // Imported keys are compared with the public ones that the homeserver has.
        if (recoveryKey) await this.crypto.userHasCrossSigningKeys(user, true);
        await this.crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => this.authorise(upload) });
        this.client.on(ClientEvent.Sync, (state) => this.onSync(state));
        this.client.on(MatrixEventEvent.Decrypted, (event) => this.onDecrypted(event));
        const filter = new Filter(user);
        filter.setTimelineLimit(wholeTimeline);
        await this.client.startClient({ filter, initialSyncLimit: wholeTimeline, disablePresence: true });
    }

    // authorise gives the password to homeservers that ask for it.
    async authorise(upload) {
        try {
            await upload(null);
        } catch (error) {
            if (error.httpStatus !== 401 || !error.data?.session) throw error;
            await upload({
                type: "m.login.password",
                identifier: { type: "m.id.user", user: this.user },
                password: this.password,
                session: error.data.session,
            });
        }
    }

    // fetch keeps each answer of /sync, which the SDK takes apart, as it came.
    async fetch(url, init) {
        const response = await fetch(url, init);
        if (new URL(url).pathname.endsWith("/sync") && response.ok) {
            const text = await response.text();
            this.answer = text;
            return new Response(text, { status: response.status, headers: response.headers });
        }
        return response;
    }

    onSync(state) {
        if (state === SyncState.Reconnecting || state === SyncState.Error) {
            setTimeout(() => this.client.retryImmediately(), syncRetry);
        } else if (state === SyncState.Syncing && this.answer) {
            const answer = JSON.parse(this.answer);
            this.answer = undefined;
            this.told = this.told.then(() => this.tell(answer)).catch((error) => console.error("telling failed:", error));
        }
    }

    // tell hands over an answer of /sync that the SDK has processed, with its
    // encrypted events in clear where the keys are there.
    async tell(answer) {
        const decrypted = [];
        for (const [roomId, room] of Object.entries({ ...answer.rooms?.join, ...answer.rooms?.leave })) {
            const events = room.timeline?.events ?? [];
            for (const [at, raw] of events.entries()) {
                if (raw.type !== "m.room.encrypted") continue;
                const event = this.client.getRoom(roomId)?.findEventById(raw.event_id);
                this.unread.add(raw.event_id);
                const clear = event && (await this.clear(event));
                if (!clear) continue;
                this.unread.delete(raw.event_id);
                events[at] = clear;
                decrypted.push(raw.event_id);
            }
        }
        push({ client: this.name, sync: { answer, decrypted } });
    }

    // onDecrypted hands over an event whose key came after the answer with it.
    onDecrypted(event) {
        if (event.isDecryptionFailure()) return;
        this.told = this.told.then(() => {
            if (this.unread.delete(event.getId())) push({ client: this.name, decrypted: event.getEffectiveEvent() });
        });
    }

    async clear(event) {
        await this.client.decryptEventIfNeeded(event);
        return event.isDecryptionFailure() || !event.getClearContent() ? null : event.getEffectiveEvent();
    }

    send({ room, type, content }) {
        return this.client.sendEvent(room, type, content);
    }

    // decrypt returns events in clear, null for those without a key.
    decrypt({ events }) {
        return Promise.all(events.map((raw) => this.clear(new MatrixEvent(raw))));
    }

    // shield is what the SDK would have a client show beside an event.
    async shield({ room, event }) {
        const found = this.client.getRoom(room)?.findEventById(event);
        if (!found) throw new Error(`${event} is not in the timeline`);
        const info = await this.crypto.getEncryptionInfoForEvent(found);
        if (!info) return { colour: "", reason: found.isEncrypted() ? `not decrypted: ${found.decryptionFailureReason}` : "not encrypted" };
        return {
            colour: cryptoApi.EventShieldColour[info.shieldColour],
            reason: info.shieldReason === null ? "" : cryptoApi.EventShieldReason[info.shieldReason],
        };
    }

    // relations is what the SDK knows of an event and of what relates to it: what
    // a client shows as a reply, as reactions, and as the text after edits.
    async relations({ room: roomId, event }) {
        const room = this.client.getRoom(roomId);
        const found = room?.findEventById(event);
        if (!found) throw new Error(`${event} is not in the timeline`);
        await this.clear(found);
        const annotations = room.relations.getChildEventsForEvent(event, "m.annotation", "m.reaction");
        const reactions = {};
        for (const [key, events] of annotations?.getSortedAnnotationsByKey() ?? []) {
            // The SDK keeps an emoji whose last reaction was removed.
            if (events.size > 0) reactions[key] = [...events].map((reaction) => reaction.getSender());
        }
        return { replyTo: found.replyEventId ?? "", reactions, body: found.getContent().body ?? "" };
    }

    // room is what a client shows of a room in its list. The SDK reads from the
    // invitation whether it is a direct chat, also after that was accepted.
    room({ room: roomId }) {
        const room = this.client.getRoom(roomId);
        if (!room) throw new Error(`${roomId} is not known`);
        return {
            membership: room.getMyMembership(),
            name: room.name,
            directWith: room.getDMInviter() ?? "",
            encrypted: room.hasEncryptionStateEvent(),
        };
    }

    // accept accepts an invitation as clients do, which put a direct chat into the
    // list of them. The SDK leaves that to them.
    async accept({ room }) {
        const inviter = this.client.getRoom(room)?.getDMInviter();
        await this.client.joinRoom(room);
        if (!inviter) return;
        const direct = this.direct();
        await this.client.setAccountData("m.direct", { ...direct, [inviter]: [...(direct[inviter] ?? []), room] });
    }

    direct() {
        return this.client.getAccountData("m.direct")?.getContent() ?? {};
    }

    // devices are the devices of a user, as the homeserver has them now, and
    // whether their owner signed them.
    async devices({ user }) {
        const known = (await this.crypto.getUserDeviceInfo([user], true)).get(user);
        const devices = [];
        for (const id of known?.keys() ?? []) {
            const status = await this.crypto.getDeviceVerificationStatus(user, id);
            devices.push({ id, signedByOwner: status.signedByOwner, crossSigningVerified: status.crossSigningVerified });
        }
        return devices;
    }

    async identity({ user }) {
        const status = await this.crypto.getUserVerificationStatus(user);
        return {
            crossSigning: await this.crypto.userHasCrossSigningKeys(user, true),
            verified: status.isVerified(),
            needsApproval: status.needsUserApproval,
        };
    }

    isolate({ isolation }) {
        const modes = { signed: cryptoApi.OnlySignedDevicesIsolationMode, all: cryptoApi.AllDevicesIsolationMode };
        this.crypto.setDeviceIsolationMode(new modes[isolation](false));
    }

    discardSession({ room }) {
        return this.crypto.forceDiscardSession(room);
    }

    // recoveryKey puts the cross-signing keys into secret storage.
    async recoveryKey() {
        const key = await this.crypto.createRecoveryKeyFromPassphrase();
        await this.crypto.bootstrapSecretStorage({ createSecretStorageKey: async () => key, setupNewSecretStorage: true });
        return key.encodedPrivateKey;
    }

    // upload encrypts a file and returns its EncryptedFile.
    async upload({ data, type }) {
        const { data: ciphertext, info } = await attachment.encryptAttachment(arrayBuffer(data));
        const { content_uri: url } = await this.client.uploadContent(new Blob([ciphertext]), { type: "application/octet-stream", includeFilename: false });
        return { ...info, url, mimetype: type };
    }

    // download returns the clear content of an EncryptedFile.
    async download({ file }) {
        const response = await fetch(this.client.mxcUrlToHttp(file.url, undefined, undefined, undefined, false, true, true), {
            headers: { Authorization: `Bearer ${this.client.getAccessToken()}` },
        });
        if (!response.ok) throw new Error(`download answered ${response.status}`);
        return Buffer.from(await attachment.decryptAttachment(await response.arrayBuffer(), file)).toString("base64");
    }

    async logOut() {
        await this.client.logout(true);
    }

    close() {
        this.client?.stopClient();
        this.client?.removeAllListeners();
    }
}

function arrayBuffer(base64) {
    const bytes = Buffer.from(base64, "base64");
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

function push(message) {
    process.stdout.write(JSON.stringify(message) + "\n");
}

async function answer({ id, client, method, params }) {
    try {
        if (method === "open") people.set(client, new Person(client));
        const person = people.get(client);
        if (!person) throw new Error(`there is no client ${client}`);
        const result = await person[method](params);
        if (method === "close") people.delete(client);
        push({ id, result: result ?? null });
    } catch (error) {
        // The SDK's own messages contain the request's address, no contents.
        const code = error instanceof MatrixError ? error.errcode : undefined;
        push({ id, error: String(error?.message ?? error), code });
    }
}

// What fails in the background of the SDK while homeservers are away.
process.on("unhandledRejection", (error) => console.error("unhandled rejection:", error));

const requests = createInterface({ input: process.stdin, crlfDelay: Infinity });
requests.on("line", (line) => void answer(JSON.parse(line)));
// The end of the harness is the end of this.
requests.on("close", () => process.exit(0));
push({ ready: true });
