// What a person chose last time: devices, and whether they were on.

/** Where choices are kept; `localStorage` fits. */
export interface Memory {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** A remembered choice. */
export interface Choice {
  /** The device, as the browser names it. */
  deviceId?: string;
  /** What the device is called: browsers give other ids after site data was cleared, and the name stays. */
  label?: string;
  /** Whether it was on. */
  on?: boolean;
}

const PREFIX = 'thalweg.';

/** The choice that was made last, or an empty one. */
export function recall(memory: Memory | undefined, kind: string): Choice {
  try {
    const read: unknown = JSON.parse(memory?.getItem(PREFIX + kind) ?? '{}');
    if (typeof read !== 'object' || read === null) return {};
    const { deviceId, label, on } = read as Record<string, unknown>;
    return {
      ...(typeof deviceId === 'string' ? { deviceId } : {}),
      ...(typeof label === 'string' ? { label } : {}),
      ...(typeof on === 'boolean' ? { on } : {}),
    };
  } catch {
    return {};
  }
}

/** Keeps a choice; a memory that is closed or full keeps nothing, and nothing breaks. */
export function remember(memory: Memory | undefined, kind: string, change: Choice): void {
  try {
    memory?.setItem(PREFIX + kind, JSON.stringify({ ...recall(memory, kind), ...change }));
  } catch {
    // The person chooses again next time.
  }
}

/** Which of the devices that are there a remembered choice means: by id, else by name, else none. */
export function meant<Device extends { deviceId: string; label: string }>(choice: Choice, devices: readonly Device[]): Device | undefined {
  const byId = devices.find((device) => device.deviceId !== '' && device.deviceId === choice.deviceId);
  return byId ?? devices.find((device) => device.label !== '' && device.label === choice.label);
}

/** The page's own storage, where there is one and it is open. */
export function pageMemory(): Memory | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}
