// A network of a scenario's own: a namespace, held by a process that sleeps in it, and viewers' namespaces behind links of their own.
import { execFileSync, spawn } from 'node:child_process';

/** Where the server is reached. */
export const HOME_ADDRESS = '10.77.0.1';
/** Loopback, an interface that stands for the world, and a table for what is lost. */
const HOME = [
  'ip link set lo up', 'ip link add one type veth peer name two', `ip address add ${HOME_ADDRESS}/24 dev one`,
  'ip link set one up', 'ip link set two up', 'ip route add default dev one',
];

export class Network {
  constructor(pid, close = () => {}) {
    Object.assign(this, { pid, close });
  }

  /** Makes one and runs commands of a shell in it. It ends with `close`. Root only. */
  static async make(commands = HOME) {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo made && exec sleep infinity'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve, reject) => {
      holder.stdout.once('data', resolve);
      holder.once('error', reject);
      holder.once('exit', (code) => reject(new Error(`no network namespace can be made here (unshare ended with ${code})`)));
    });
    const network = new Network(holder.pid, () => holder.kill('SIGKILL'));
    network.run(...commands);
    return network;
  }

  /** Runs commands of a shell in it, one after another. */
  run(...commands) {
    execFileSync(...this.enter('sh', ['-ec', commands.join('\n')]), { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** A command with its arguments, as it runs in here. */
  enter(command, args) {
    return ['nsenter', ['--target', String(this.pid), '--net', command, ...args]];
  }
}

/** A viewer's link to the network this process runs in: its far end lies in a namespace of its own. */
export class Link {
  /** Lays link number `index`; it ends with the stage. */
  static async lay(stage, index) {
    const far = await Network.make([]);
    stage.atEnd(() => far.close());
    const [near, gate] = [`up${index}`, `10.78.${index}.1`];
    const here = (text) => execFileSync('sh', ['-ec', text], { stdio: ['ignore', 'pipe', 'inherit'] });
    // Datagrams cross it one by one, as they do a real link, and not by trains as a virtual one carries them.
    here(`ip link add ${near} type veth peer name net netns ${far.pid}
      ip link set ${near} gso_max_segs 1
      ip address add ${gate}/24 dev ${near}
      ip link set ${near} up
      nft add table inet ${near}
      nft add chain inet ${near} from '{ type filter hook prerouting priority -300; }'`);
    far.run('ip link set lo up', `ip address add 10.78.${index}.2/24 dev net`, 'ip link set net up', `ip route add default via ${gate}`,
      'nft add table inet link', `nft add chain inet link to '{ type filter hook prerouting priority -300; }'`);
    return new Link(near, far, here);
  }

  constructor(near, far, here) {
    Object.assign(this, { near, far, here });
  }

  /** Limits what comes to the viewer; what is too much waits for 200 ms at most, as in a small router. */
  carry(kbps) {
    const burst = kbps >= 2000 ? '8k' : '4k';
    this.here(`tc qdisc replace dev ${this.near} root tbf rate ${kbps}kbit burst ${burst} latency 200ms`);
  }

  /** Loses a part of the datagrams that come to the viewer, in percent. */
  lose(percent) {
    this.far.run('nft flush chain inet link to', `nft add rule inet link to meta l4proto udp numgen random mod 1000 '<' ${percent * 10} drop`);
  }

  /** Loses all, both ways. */
  cut() {
    this.far.run('nft flush chain inet link to', 'nft add rule inet link to iifname net drop');
    this.here(`nft add rule inet ${this.near} from iifname ${this.near} drop`);
  }

  mend() {
    this.far.run('nft flush chain inet link to');
    this.here(`nft flush chain inet ${this.near} from`);
  }
}
