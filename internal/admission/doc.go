// Package admission decides what becomes of a request to the API server. It renders what the reconciler states into
// Deployments and routes, and keeps the pod template of an opted-in Deployment until its candidate is promoted. It takes
// decoded objects and returns decoded objects and warnings, so that a dry run gives the same answer as a request; package
// webhook serves it over HTTP.
//
// An update of a Deployment goes through Render: reserved annotations are refused, requests such as an abort mark the
// candidate, and the first of rows that decides says which pod template is stored. Without one, the change is held back.
// Validate sees the object again as it will be stored and refuses it if another webhook changed the template in between.
package admission
