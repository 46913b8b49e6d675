// Package freeze decides which Freezes hold a Deployment at a moment, and until when. It is pure: values in, values out.
package freeze
