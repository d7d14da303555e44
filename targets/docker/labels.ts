/** Labels that say whose a container, network or volume is; everything of a stack can be found by them, even without its state. */
export const stackLabel = "tracestack.stack";
export const serviceLabel = "tracestack.service";
/** The image by its name in the catalogue: containers are made from its id. */
export const imageLabel = "tracestack.image";

/** A stack's name on an engine that other projects and stacks use too. */
export function stackLabelValue(stack: { project: string; stack: string }): string {
	return `${stack.project}/${stack.stack}`;
}

export function labelsOf(stack: { project: string; stack: string }, service?: string): Record<string, string> {
	return { ...(service && { [serviceLabel]: service }), [stackLabel]: stackLabelValue(stack) };
}
