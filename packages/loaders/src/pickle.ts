import { quoted } from './checkpoint_error.ts';
import { OP, opcodeName } from './pickle_opcodes.ts';
import { PickleReader } from './pickle_reader.ts';
import {
  Dict,
  describe,
  Opaque,
  PickleFunction,
  PickleSet,
  type PickleValue,
  Tuple,
} from './pickle_values.ts';

/** Where a global stands, which tells a whole pickled object from a stray value. */
export interface GlobalPlace {
  /** Nothing was built before it: it is the class or function of the pickle's root. */
  readonly atRoot: boolean;
}

export interface PickleHooks {
  /** For messages: the file, and which of its pickles. */
  readonly file: string;
  /** The loader's own value for a Python name. Throws for names it does not know. */
  resolveGlobal(module: string, name: string, place: GlobalPlace): PickleValue;
  /** The value behind a persistent id. */
  persistentLoad(id: PickleValue): PickleValue;
}

export interface Unpickled {
  readonly value: PickleValue;
  /** Offset of the byte after STOP. */
  readonly end: number;
}

const MAX_STACK = 1_000_000;
const MAX_MARKS = 1000;

/**
 * Runs a pickle without running any code: a closed list of opcodes, names that mean only what `hooks` says, and
 * bounds on the stack, the marks and the work. Time and memory are linear in the bytes of the pickle.
 */
export function unpickle(bytes: Uint8Array, hooks: PickleHooks, start = 0): Unpickled {
  return new Machine(bytes, hooks, start).run();
}

class Machine {
  readonly #in: PickleReader;
  readonly #hooks: PickleHooks;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  /** Items that calls may still copy: each honest item is in the pickle once, a hostile list would be copied often. */
  #copies: number;

  constructor(bytes: Uint8Array, hooks: PickleHooks, start: number) {
    this.#in = new PickleReader(bytes, hooks.file, start);
    this.#hooks = hooks;
    this.#copies = bytes.byteLength;
  }

  run(): Unpickled {
    for (;;) {
      const opcode = this.#in.opcode();
      if (opcode === OP.STOP) return { value: this.#pop(), end: this.#in.at };
      this.#step(opcode);
      if (this.#stack.length > MAX_STACK)
        throw this.#in.unsafe(`puts more than ${MAX_STACK} items on the stack`);
    }
  }

  #step(opcode: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case OP.PROTO: {
        const version = this.#in.byte();
        if (version < 2 || version > 5)
          throw this.#in.malformed(`has the unknown protocol ${version}`);
        return;
      }
      case OP.FRAME:
        this.#in.skip(8);
        return;
      case OP.MARK:
        if (this.#marks.length >= MAX_MARKS)
          throw this.#in.unsafe(`nests deeper than ${MAX_MARKS}`);
        this.#marks.push(stack.length);
        return;
      case OP.POP:
        // As in Python, POP right after MARK takes the mark away.
        if (this.#marks.at(-1) === stack.length) this.#marks.pop();
        else this.#pop();
        return;
      case OP.POP_MARK:
        this.#popMark();
        return;
      case OP.DUP:
        stack.push(this.#peek());
        return;

      case OP.NONE:
        stack.push(null);
        return;
      case OP.NEWTRUE:
        stack.push(true);
        return;
      case OP.NEWFALSE:
        stack.push(false);
        return;
      case OP.BININT:
        stack.push(this.#in.int32());
        return;
      case OP.BININT1:
        stack.push(this.#in.byte());
        return;
      case OP.BININT2:
        stack.push(this.#in.uint16());
        return;
      case OP.LONG1:
        stack.push(this.#in.long(this.#in.byte()));
        return;
      case OP.BINFLOAT:
        stack.push(this.#in.float64());
        return;
      case OP.SHORT_BINSTRING:
      case OP.SHORT_BINUNICODE:
        stack.push(this.#in.string(this.#in.byte()));
        return;
      case OP.BINSTRING:
      case OP.BINUNICODE:
        stack.push(this.#in.string(this.#in.uint32()));
        return;
      case OP.BINUNICODE8:
        stack.push(this.#in.string(this.#in.uint64()));
        return;
      case OP.SHORT_BINBYTES:
        stack.push(this.#in.blob(this.#in.byte()));
        return;
      case OP.BINBYTES:
        stack.push(this.#in.blob(this.#in.uint32()));
        return;

      case OP.EMPTY_TUPLE:
        stack.push(new Tuple([]));
        return;
      case OP.TUPLE1:
      case OP.TUPLE2:
      case OP.TUPLE3:
        stack.push(new Tuple(this.#popMany(opcode - OP.TUPLE1 + 1)));
        return;
      case OP.TUPLE:
        stack.push(new Tuple(this.#popMark()));
        return;
      case OP.EMPTY_LIST:
        stack.push([]);
        return;
      case OP.APPEND:
        this.#append([this.#pop()]);
        return;
      case OP.APPENDS:
        this.#append(this.#popMark());
        return;
      case OP.EMPTY_DICT:
        stack.push(new Dict(false));
        return;
      case OP.SETITEM:
        this.#setItems(this.#popMany(2));
        return;
      case OP.SETITEMS:
        this.#setItems(this.#popMark());
        return;
      case OP.EMPTY_SET:
        stack.push(new PickleSet());
        return;

      case OP.BINPUT:
        this.#memo.set(this.#in.byte(), this.#peek());
        return;
      case OP.LONG_BINPUT:
        this.#memo.set(this.#in.uint32(), this.#peek());
        return;
      case OP.MEMOIZE:
        this.#memo.set(this.#memo.size, this.#peek());
        return;
      case OP.BINGET:
        stack.push(this.#remembered(this.#in.byte()));
        return;
      case OP.LONG_BINGET:
        stack.push(this.#remembered(this.#in.uint32()));
        return;

      case OP.GLOBAL:
        this.#global(this.#in.line(), this.#in.line());
        return;
      case OP.STACK_GLOBAL: {
        const [module, name] = this.#popMany(2);
        if (typeof module !== 'string' || typeof name !== 'string')
          throw this.#in.malformed('names a global by something other than text');
        this.#global(module, name);
        return;
      }
      case OP.REDUCE:
        this.#reduce();
        return;
      case OP.NEWOBJ:
        this.#newObject();
        return;
      case OP.BUILD:
        this.#build();
        return;
      case OP.BINPERSID:
        stack.push(this.#hooks.persistentLoad(this.#pop()));
        return;
      default:
        throw this.#in.unsafe(`uses the opcode ${opcodeName(opcode)}, which no state dict needs`);
    }
  }

  #global(module: string, name: string): void {
    const atRoot = this.#stack.length === 0 && this.#marks.length === 0;
    this.#stack.push(this.#hooks.resolveGlobal(module, name, { atRoot }));
  }

  #reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    if (callee instanceof Opaque && callee.skipped) {
      this.#stack.push(callee);
      return;
    }
    if (!(callee instanceof PickleFunction))
      throw this.#in.unsafe(`calls ${describe(callee)}, which is not a function`);
    if (!(args instanceof Tuple))
      throw this.#in.malformed(`calls ${callee.name} with ${describe(args)} instead of a tuple`);
    for (const argument of args.items) {
      if (Array.isArray(argument)) this.#copies -= argument.length;
    }
    if (this.#copies < 0) throw this.#in.unsafe('copies the same list again and again');
    this.#stack.push(callee.call(args.items));
  }

  #newObject(): void {
    this.#pop();
    const type = this.#pop();
    if (!(type instanceof Opaque && type.skipped)) {
      throw this.#in.unsafe(
        `makes an object of ${describe(type)} (NEWOBJ), which no state dict needs`,
      );
    }
    this.#stack.push(type);
  }

  /** BUILD gives an object its attributes; the ones a state dict carries (`_metadata`) are not needed. */
  #build(): void {
    this.#pop();
    const target = this.#peek();
    const allowed =
      (target instanceof Dict && target.ordered) || (target instanceof Opaque && target.skipped);
    if (!allowed) throw this.#in.unsafe(`sets the state of ${describe(target)} (BUILD)`);
  }

  #append(items: PickleValue[]): void {
    const list = this.#peek();
    if (list instanceof Opaque && list.skipped) return;
    if (!Array.isArray(list)) throw this.#in.malformed(`appends to ${describe(list)}`);
    for (const item of items) list.push(item);
  }

  #setItems(items: PickleValue[]): void {
    const dict = this.#peek();
    if (dict instanceof Opaque && dict.skipped) return;
    if (!(dict instanceof Dict)) throw this.#in.malformed(`sets an item of ${describe(dict)}`);
    if (items.length % 2 !== 0) throw this.#in.malformed('has a key without a value');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      // A pickler never writes a key twice; in Python the last would win silently.
      if (dict.entries.has(key))
        throw this.#in.malformed(
          `has the key ${typeof key === 'string' ? quoted(key) : describe(key)} twice`,
        );
      dict.entries.set(key, items[i + 1]!);
    }
  }

  #remembered(index: number): PickleValue {
    const value = this.#memo.get(index);
    if (value === undefined)
      throw this.#in.malformed(`refers to memo ${index}, which is not there`);
    return value;
  }

  /** The lowest stack height that may be reached: items below the last mark belong to someone else. */
  #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }

  #peek(): PickleValue {
    if (this.#stack.length <= this.#floor()) throw this.#in.malformed('takes from an empty stack');
    return this.#stack.at(-1)!;
  }

  #pop(): PickleValue {
    const value = this.#peek();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): PickleValue[] {
    if (this.#stack.length - count < this.#floor())
      throw this.#in.malformed('takes from an empty stack');
    return this.#stack.splice(this.#stack.length - count);
  }

  #popMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.#in.malformed('looks for a mark that is not there');
    return this.#stack.splice(mark);
  }
}
