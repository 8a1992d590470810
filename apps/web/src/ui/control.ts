/** A control of the panel: what is put into the page, and how its value is shown from outside. */
export interface Control<T> {
  readonly element: HTMLElement;
  /** Shows a value without telling anybody. */
  set(value: T): void;
}
