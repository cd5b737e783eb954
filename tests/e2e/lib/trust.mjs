// An authority of a test's own, a certificate by it, and the Python SDK made to trust it.
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VENV = join(dirname(fileURLToPath(import.meta.url)), '../.venv/lib');
const NEW = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** Writes `ca.pem`, `cert.pem` and `key.pem` for a name into the folder, and gives their paths. */
export function certify(folder, name) {
  const at = (file) => join(folder, file);
  const make = (...given) => execFileSync('openssl', [...NEW, ...given], { stdio: 'ignore' });
  make('-subj', '/CN=authority', '-addext', 'keyUsage=critical,keyCertSign', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  make('-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-addext', 'basicConstraints=critical,CA:FALSE', '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-keyout', at('key.pem'), '-out', at('cert.pem'));
  return { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') };
}

/**
 * A copy of the Python SDK's library, for `LIVEKIT_LIB_PATH`, that trusts `ca`. For TURN it knows the authorities that were built
 * in and nothing else, so one of those gives its place; the rest of what it reads is filled up with zeros.
 */
export function trusting(ca, path) {
  const [python] = readdirSync(VENV);
  const library = readFileSync(join(VENV, python, 'site-packages/livekit/rtc/resources/liblivekit_ffi.so'));
  const own = new X509Certificate(readFileSync(ca)).raw;
  const place = authorities(library).find(({ size }) => size >= own.length);
  if (!place) throw new Error('the library has no authority whose place could be taken');
  library.fill(0, place.at, place.at + place.size);
  own.copy(library, place.at);
  writeFileSync(path, library);
  return path;
}

/** Where in a program certificates of authorities lie (DER: a sequence whose length takes two bytes). */
function authorities(bytes) {
  const found = [];
  for (let at = bytes.indexOf('3082', 0, 'hex'); at >= 0 && at + 4 < bytes.length; at = bytes.indexOf('3082', at + 2, 'hex')) {
    const size = 4 + bytes.readUInt16BE(at + 2);
    if (size < 400 || size > 3000) continue;
    try {
      const read = new X509Certificate(bytes.subarray(at, at + size));
      if (read.ca && read.subject === read.issuer) found.push({ at, size });
    } catch {
      // These two bytes begin something else.
    }
  }
  return found;
}
