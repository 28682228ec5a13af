/** Style sheets are imported for their effect only; Vite puts them beside the page. */
declare module '*.css'
