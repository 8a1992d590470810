/** A point of a photo, 0…1 of its sides, and how far away somebody measured it to be. */
export interface MeasuredPoint {
  readonly x: number;
  readonly y: number;
  readonly metres?: number | undefined;
}

const DATABASE = 'dpt-webgpu';
const STORE = 'calibrations';

/** The points that were set in a photo before. Kept by what is in the file, not by its name. */
export async function recallPoints(photo: Blob): Promise<readonly MeasuredPoint[]> {
  try {
    const key = await keyOf(photo);
    const found: unknown = await request('readonly', (store) => store.get(key));
    return Array.isArray(found) ? (found as MeasuredPoint[]) : [];
  } catch {
    // A private window may have no database. Nothing is lost but a convenience.
    return [];
  }
}

export async function rememberPoints(photo: Blob, points: readonly MeasuredPoint[]): Promise<void> {
  try {
    const key = await keyOf(photo);
    if (points.length === 0) await request('readwrite', (store) => store.delete(key));
    else await request('readwrite', (store) => store.put([...points], key));
  } catch {
    // As above.
  }
}

async function keyOf(photo: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await photo.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function request<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const asked = work(database.transaction(STORE, mode).objectStore(STORE));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
      asked.transaction!.oncomplete = () => database.close();
    };
  });
}
