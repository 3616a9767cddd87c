// SPDX-License-Identifier: GPL-3.0-or-later
//
// OHIF's configuration: its one source of data is the DICOMweb of this server that knows what is open to whom.

window.PUBLIC_URL = '/ohif/';

// A library in OHIF asks its script element for its address, and Node.js where there is no such element. That is so
// whenever it runs later than its file arrived, which the order of arrivals decides: the viewer then stayed empty.
window.__filename = `${window.location.origin}/ohif/`;

window.browserImportFunction = function (moduleId) {
  return import(moduleId);
};

window.config = {
  routerBasename: '/ohif',
  extensions: [],
  modes: [],
  // No tour: whoever opens a link wants to see the images.
  customizationService: [
    {
      'ohif.tours': { $set: [] },
      // A finding of a whole image has no coordinates, which OHIF expects of every measurement group.
      onBeforeSRAddMeasurement: {
        $set: ({ measurement }) => (measurement.coords?.length ? measurement : { ...measurement, coords: [{}] }),
      },
    },
  ],
  showStudyList: false,
  maxNumberOfWebWorkers: 3,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true,
  showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true,
  groupEnabledModesFirst: true,
  showErrorDetails: 'production',
  investigationalUseDialog: { option: 'never' },
  // Orthanc speaks HTTP/1.1, of which a browser opens six connections.
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 6 },
  defaultDataSourceName: 'clinic',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'clinic',
      configuration: {
        friendlyName: 'Orthanc Clinic',
        name: 'clinic',
        qidoRoot: '/viewer/dicom-web',
        wadoRoot: '/viewer/dicom-web',
        wadoUriRoot: '/viewer/dicom-web',
        qidoSupportsIncludeField: false,
        supportsReject: false,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        omitQuotationForMultipartRequest: true,
        dicomUploadEnabled: false,
        bulkDataURI: { enabled: true, relativeResolution: 'studies' },
      },
    },
  ],
};
