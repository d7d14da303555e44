/** The bundler makes a text of it. */
declare module "*.sql" {
	const text: string;
	export default text;
}
